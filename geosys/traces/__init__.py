"""Tracing along rivers: who is upstream of a section, what lies below an outfall or a spill."""
