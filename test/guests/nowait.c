/* Ends without waiting for requests. */
#include "fishplate.h"

int main(void)
{
	fp_log("bye");
	return 3;
}
