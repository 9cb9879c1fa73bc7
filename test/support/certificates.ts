// With NODE_EXTRA_CA_CERTS, Node 20 prepares for TLS at each start (nodejs/node#40524): three quarters of a start's
// processor time, and a run has thousands of starts. No test asks a server that needs these certificates.
delete process.env.NODE_EXTRA_CA_CERTS;
