//! Tests of a running server over HTTP, as a client meets it. Everything is in `tests/all`; this library is empty, so that
//! nothing here can be used by the product, and nothing of the product can be used there.
