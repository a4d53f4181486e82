"""The watch on land use: two versions compared by land, and what a person must look at."""
