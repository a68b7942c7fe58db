// Command engines measures the RISC-V engine beside others: the same C programs
// run natively (gcc -O2), on our interpreter, on our native code for rv64gc and
// for rv64gc with bit manipulation, as WebAssembly by wazero's compiler, and by
// qemu-user. The engines take turns kernel by kernel and round by round, so that
// a drift of the machine hits all of them alike; every output is compared with
// the native one, and a difference ends the run with an error.
//
// Times are CPU time of the thread or the process that runs the program, on one
// pinned core. Each round also runs every program with no work, and that is
// subtracted: what remains is the kernel without process or program start. Code
// is compiled before the first counted round, as it is once per image.
//
// Further parts: how soon a program of 500 KB answers, from its file to the first
// call; and what a fork, a host call and ten thousand forks cost. Results are
// kept under test/bench/results.
//
//	go run ./test/bench/engines [-rounds 5] [-only fib,sort] [-engines JIT,wazero]
//		[-parts kernels,compile,fork]
//	go run ./test/bench/engines -hot sort
package main
