//! Tests of reading and checking scenario files.
