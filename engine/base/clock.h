/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - what time it is. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall(void);  /* milliseconds since 1970, UTC; may jump */
int64_t clock_ticks(void); /* milliseconds since some moment; never goes back: all timers use it */
int64_t clock_about(void); /* clock_ticks as it was at most some 10 ms ago, for a fraction of the price */

#endif
