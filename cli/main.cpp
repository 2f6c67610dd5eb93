#include "cli/program.h"

int main(int argc, char** argv) { return moat::run(argc, argv); }
