-- Nacos creates its tables from this file. Naming needs none of them.
CREATE SCHEMA nacos AUTHORIZATION nacos;
CREATE TABLE unused (id BIGINT);
