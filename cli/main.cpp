#include "cli/run.h"

int main(int argc, char** argv) { return moat::run(argc, argv); }
