#include "full.h"
void check_confined(const struct full *full)
{
	(void)full;
}
