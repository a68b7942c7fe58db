/*
 * Fishplate guest programs in C++20: namespace api over the calls of abi.h.
 * Programs that were written for libvmod-riscv's api.h compile unchanged.
 * Hosted programs (glibc, static) have std::string and formats; freestanding
 * ones, a few KiB, have Text, Buffer, Request, Response and HeaderField.
 *
 * Recipe, hosted; the last -idirafter is for nlohmann/json.hpp, rapidxml and
 * other header-only libraries of the desk:
 *   riscv64-linux-gnu-g++ -std=c++20 -march=rv64gc -mabi=lp64d -O2 -static -fno-threadsafe-statics \
 *     -Wl,-Ttext=0x120000 -Isdk/cpp -Isdk/c -Isdk/abi -idirafter /usr/include prog.cpp -o prog.elf
 * Recipe, freestanding (no exceptions, no library; FP_START in one file):
 *   riscv64-linux-gnu-g++ -std=c++20 -march=rv64gc -mabi=lp64d -O2 -static -nostdlib -ffreestanding \
 *     -fno-exceptions -fno-rtti -fno-stack-protector -fno-pic -no-pie -Wl,-Ttext=0x120000,-z,separate-code -DFP_START … -lgcc
 *
 *   api_text.h      Text, Buffer, format
 *   api_message.h   Regex, HeaderField, HTTP, Request, Response
 *   api_decision.h  decision, synth, forge, response, callbacks, storage
 *   api_host.h      fetch, kv, json, jwt and the other calls, by name space
 */
#pragma once
#if __STDC_HOSTED__ && !defined(FP_START)
#define FP_START
#endif
#include "fishplate.h"
#include "api_text.h"
#include "api_message.h"
#include "api_decision.h"
#if __STDC_HOSTED__
#include "api_host.h"
/* Programs expect the JSON library to come with this header. */
#if __has_include(<nlohmann/json.hpp>) && !defined(FP_NO_JSON)
#include <nlohmann/json.hpp>
#endif
#endif
