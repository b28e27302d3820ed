#include "probe.h"

#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

void end_machine(const char *how)
{
    (void)reboot(strstr(how, "end-by-power-off") == NULL ? RB_AUTOBOOT : RB_POWER_OFF);
    for (;;)
        pause();
}
