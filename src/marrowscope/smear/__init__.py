"""From a digitized smear to cells: slide readers, smear region, field plan, detection, crops."""
