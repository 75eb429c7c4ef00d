"""Pictures that explain: drawn from the data of `studies.illustrations`."""
