/* A switch in a loop: an interpreter of a small stack machine, whose program
 * counts primes by trial division and mixes a table. The argument is how far it
 * counts. */
#include "work.h"

enum op { PUSH, LOAD, STORE, ADD, SUB, MUL, MOD, LESS, EQUAL, XOR, SHIFT, JUMP, ZERO, DUP, DROP, PEEK, POKE, HALT };

/* Variables: 0 the candidate, 1 the divisor, 2 the count, 3 a hash, 4 the limit. */
static const int32_t program[] = {
	/*  0 */ PUSH, 2, STORE, 0, PUSH, 0, STORE, 2, PUSH, 17, STORE, 3,
	/* 12 */ LOAD, 0, LOAD, 4, LESS, ZERO, 76, PUSH, 2, STORE, 1,
	/* 23 */ LOAD, 1, LOAD, 1, MUL, LOAD, 0, PUSH, 1, ADD, LESS, ZERO, 55,
	/* 36 */ LOAD, 0, LOAD, 1, MOD, ZERO, 69, LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 23,
	/* 52 */ HALT, HALT, HALT,
	/* 55 */ LOAD, 2, PUSH, 1, ADD, DUP, STORE, 2, DROP, LOAD, 0, POKE, JUMP, 69,
	/* 69 */ LOAD, 0, PUSH, 1, ADD, JUMP, 88,
	/* 76 */ LOAD, 2, LOAD, 3, PUSH, 5, SHIFT, XOR, HALT, HALT, HALT, HALT,
	/* 88 */ STORE, 0, LOAD, 3, LOAD, 0, XOR, PEEK, PUSH, 1, SHIFT, LOAD, 3, ADD, STORE, 3, JUMP, 12,
};

static int32_t table[256];

static int32_t interpret(int32_t limit)
{
	int32_t stack[32] = {0}, vars[8] = {0};
	int sp = 0;
	uint32_t t;
	const int32_t *pc = program;
	vars[4] = limit;
	for (;;)
		switch ((enum op)*pc++) {
		case PUSH: stack[sp++] = *pc++; break;
		case LOAD: stack[sp++] = vars[*pc++]; break;
		case STORE: vars[*pc++] = stack[--sp]; break;
		case ADD: sp--; stack[sp - 1] = (int32_t)((uint32_t)stack[sp - 1] + (uint32_t)stack[sp]); break;
		case SUB: sp--; stack[sp - 1] = (int32_t)((uint32_t)stack[sp - 1] - (uint32_t)stack[sp]); break;
		case MUL: sp--; stack[sp - 1] = (int32_t)((uint32_t)stack[sp - 1] * (uint32_t)stack[sp]); break;
		case MOD: sp--; stack[sp - 1] %= stack[sp]; break;
		case LESS: sp--; stack[sp - 1] = stack[sp - 1] < stack[sp]; break;
		case EQUAL: sp--; stack[sp - 1] = stack[sp - 1] == stack[sp]; break;
		case XOR: sp--; stack[sp - 1] ^= stack[sp]; break;
		case SHIFT:
			t = (uint32_t)stack[--sp] & 31;
			stack[sp - 1] = (int32_t)((uint32_t)stack[sp - 1] << t | (uint32_t)stack[sp - 1] >> (31 & -t));
			break;
		case JUMP: pc = program + *pc; break;
		case ZERO: pc = stack[--sp] ? pc + 1 : program + *pc; break;
		case DUP: stack[sp] = stack[sp - 1]; sp++; break;
		case DROP: sp--; break;
		case PEEK: stack[sp - 1] = table[stack[sp - 1] & 255]; break;
		case POKE: t = (uint32_t)stack[--sp]; table[t & 255] += (int32_t)t; break;
		case HALT: return stack[sp - 1];
		}
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 500);
	int32_t got = interpret((int32_t)n);
	uint64_t sum = (uint32_t)got;
	for (int i = 0; i < 256; i++)
		sum = fold(sum, (uint32_t)table[i]);
	return report("bytecode", n, sum);
}
