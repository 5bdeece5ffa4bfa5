"""What is to be reviewed: cell tables, reports of counts, crops, fields and slides."""
