#include "fetch/os/file.h"
