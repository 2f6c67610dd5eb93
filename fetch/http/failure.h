// An exception as the Error that whoever asked for a URL is told.
#pragma once

#include "resolver/base/error.h"
#include "resolver/base/url.h"

#include <exception>

namespace moat {

// Made before it is needed, so that copies take no memory.
const Error& out_of_memory();

// Also without any memory left.
Error error_from(const std::exception_ptr& failure, const Url& url) noexcept;

}  // namespace moat
