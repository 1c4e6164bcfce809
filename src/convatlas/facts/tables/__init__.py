"""One file per source whose tables list nets of many families; each ends in `FACTS`."""
