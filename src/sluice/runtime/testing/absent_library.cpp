extern "C" int sluice_absent_function() { return 0; }
