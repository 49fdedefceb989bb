#pragma once

// Nothing to call: the file beside this holds what jemalloc reads when the process starts.
