"""The papers of a package: metadata, report, receipt, difference, checksums and signature."""
