-- One database per stateful service. PostgreSQL's image runs this when its volume is still empty.
CREATE DATABASE portal_api;
CREATE DATABASE subscriptions;
CREATE DATABASE metering;
CREATE DATABASE billing_sync;
