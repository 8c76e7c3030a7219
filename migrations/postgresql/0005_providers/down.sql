DROP TABLE provider_entry;
DROP TABLE provider_value;
DROP TABLE provider;
DROP TABLE provider_type_parameter;
DROP TABLE provider_type;
