// tests/support/suppressions.cpp — what sanitizers are to pass over.

// What fontconfig keeps until the end is no leak of ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }
