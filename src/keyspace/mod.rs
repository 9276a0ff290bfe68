//! Stub, dropped on integration.
