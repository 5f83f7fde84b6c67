"""Quarter-hours as NGSI-LD entities (ETSI GS CIM 009) after the Smart Data Models."""
