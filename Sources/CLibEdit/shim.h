#pragma once
#include <stdio.h>
#include <editline/readline.h>

/* Signals are left to the program. (Swift does not reach a variable that any thread could change.) */
static inline void cistern_editline_leave_signals(void) {
    rl_catch_signals = 0;
}
