"""The report of a count: page, figures, PDF, JSON, CSV, FHIR and DICOM annotations."""
