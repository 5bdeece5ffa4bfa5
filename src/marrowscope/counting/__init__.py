"""From a slide or fields to the differential count: region, fields, cells, classes, count."""
