# SPDX-License-Identifier: GPL-3.0-or-later
# Writes version.h with the commit that is being built; rewritten only when that has changed, so that nothing is
# compiled again for nothing. Run at build time: cmake -DSOURCE=... -DOUTPUT=... -DLIBRARIES=... -P version.cmake
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by cmake/version.cmake. */
#define ISTHMUS_COMMIT "@commit@"
#define ISTHMUS_LIBRARIES "@LIBRARIES@"
]])
