extern "C" int sluice_absent_function();
extern "C" int sluice_call_absent_function() { return sluice_absent_function(); }
