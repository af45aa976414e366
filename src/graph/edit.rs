//! Changes of a network, each refused with a reason when it does not fit.
