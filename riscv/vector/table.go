package vector

import (
	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// Widths of elements for which an operation exists.
const (
	singles = 1 << 2         // binary32
	floats  = singles | 8    // binary32 and binary64
	halved  = singles | 1<<1 // what converts to or from binary32 and binary64 of twice the width
)

// rules has one line per operation, by its distance from isa.OpVector. It is
// never changed.
var rules = [isa.VectorOps]rule{
	isa.OpVsetvli - isa.OpVector:  {run: choose, free: true},
	isa.OpVsetivli - isa.OpVector: {run: choose, free: true},
	isa.OpVsetvl - isa.OpVector:   {run: choose, free: true},

	// Memory. Whole registers are moved whatever vtype says, so that a function can
	// save what it knows nothing about.
	isa.OpVle - isa.OpVector:   {run: loadUnit},
	isa.OpVlse - isa.OpVector:  {run: loadStride},
	isa.OpVlxei - isa.OpVector: {run: loadIndex},
	isa.OpVleff - isa.OpVector: {run: loadFirst},
	isa.OpVlm - isa.OpVector:   {run: loadMask},
	isa.OpVlr - isa.OpVector:   {run: loadWhole, free: true},
	isa.OpVse - isa.OpVector:   {run: storeUnit},
	isa.OpVsse - isa.OpVector:  {run: storeStride},
	isa.OpVsxei - isa.OpVector: {run: storeIndex},
	isa.OpVsm - isa.OpVector:   {run: storeMask},
	isa.OpVsr - isa.OpVector:   {run: storeWhole, free: true},

	// Integers of one width.
	isa.OpVadd - isa.OpVector:  {run: elements, fn: add},
	isa.OpVsub - isa.OpVector:  {run: elements, fn: sub},
	isa.OpVrsub - isa.OpVector: {run: elements, fn: rsub},
	isa.OpVand - isa.OpVector:  {run: elements, fn: and},
	isa.OpVor - isa.OpVector:   {run: elements, fn: or},
	isa.OpVxor - isa.OpVector:  {run: elements, fn: xor},
	isa.OpVminu - isa.OpVector: {run: elements, fn: minU},
	isa.OpVmin - isa.OpVector:  {run: elements, fn: minS, signed: sab},
	isa.OpVmaxu - isa.OpVector: {run: elements, fn: maxU},
	isa.OpVmax - isa.OpVector:  {run: elements, fn: maxS, signed: sab},
	isa.OpVsll - isa.OpVector:  {run: elements, fn: shiftLeft},
	isa.OpVsrl - isa.OpVector:  {run: elements, fn: shiftRight},
	isa.OpVsra - isa.OpVector:  {run: elements, fn: shiftSigned, signed: sa},

	// Carries: v0 is a third source here, not a mask.
	isa.OpVadc - isa.OpVector:   {run: withCarry, fn: addCarry},
	isa.OpVsbc - isa.OpVector:   {run: withCarry, fn: subCarry},
	isa.OpVmadc - isa.OpVector:  {run: carries, fn: carryOf},
	isa.OpVmsbc - isa.OpVector:  {run: carries, fn: borrowOf},
	isa.OpVmerge - isa.OpVector: {run: merge},
	isa.OpVmv - isa.OpVector:    {run: elements, fn: second},

	// Integer comparisons.
	isa.OpVmseq - isa.OpVector:  {run: compare, fn: equal},
	isa.OpVmsne - isa.OpVector:  {run: compare, fn: different},
	isa.OpVmsltu - isa.OpVector: {run: compare, fn: lessU},
	isa.OpVmslt - isa.OpVector:  {run: compare, fn: lessS, signed: sab},
	isa.OpVmsleu - isa.OpVector: {run: compare, fn: atMostU},
	isa.OpVmsle - isa.OpVector:  {run: compare, fn: atMostS, signed: sab},
	isa.OpVmsgtu - isa.OpVector: {run: compare, fn: moreU},
	isa.OpVmsgt - isa.OpVector:  {run: compare, fn: moreS, signed: sab},

	// Multiplication and division. Low halves are the same for both signs.
	isa.OpVmul - isa.OpVector:    {run: elements, fn: mul},
	isa.OpVmulh - isa.OpVector:   {run: elements, fn: mulHighS, signed: sab},
	isa.OpVmulhu - isa.OpVector:  {run: elements, fn: mulHighU},
	isa.OpVmulhsu - isa.OpVector: {run: elements, fn: mulHighSU, signed: sa},
	isa.OpVdivu - isa.OpVector:   {run: elements, fn: divU},
	isa.OpVdiv - isa.OpVector:    {run: elements, fn: divS, signed: sab},
	isa.OpVremu - isa.OpVector:   {run: elements, fn: remU},
	isa.OpVrem - isa.OpVector:    {run: elements, fn: remS, signed: sab},
	isa.OpVmacc - isa.OpVector:   {run: elements, fn: mulAdd},
	isa.OpVnmsac - isa.OpVector:  {run: elements, fn: mulSub},
	isa.OpVmadd - isa.OpVector:   {run: elements, fn: addMul},
	isa.OpVnmsub - isa.OpVector:  {run: elements, fn: subMul},

	// Results of twice the width. Sources are extended to 64 bits anyway, so the
	// functions are those of one width; only the signs differ.
	isa.OpVwaddu - isa.OpVector:   {run: elements, fn: add, wide: wideD},
	isa.OpVwadd - isa.OpVector:    {run: elements, fn: add, wide: wideD, signed: sab},
	isa.OpVwsubu - isa.OpVector:   {run: elements, fn: sub, wide: wideD},
	isa.OpVwsub - isa.OpVector:    {run: elements, fn: sub, wide: wideD, signed: sab},
	isa.OpVwadduW - isa.OpVector:  {run: elements, fn: add, wide: wideDW},
	isa.OpVwaddW - isa.OpVector:   {run: elements, fn: add, wide: wideDW, signed: sab},
	isa.OpVwsubuW - isa.OpVector:  {run: elements, fn: sub, wide: wideDW},
	isa.OpVwsubW - isa.OpVector:   {run: elements, fn: sub, wide: wideDW, signed: sab},
	isa.OpVwmulu - isa.OpVector:   {run: elements, fn: mul, wide: wideD},
	isa.OpVwmulsu - isa.OpVector:  {run: elements, fn: mul, wide: wideD, signed: sa},
	isa.OpVwmul - isa.OpVector:    {run: elements, fn: mul, wide: wideD, signed: sab},
	isa.OpVwmaccu - isa.OpVector:  {run: elements, fn: mulAdd, wide: wideD},
	isa.OpVwmacc - isa.OpVector:   {run: elements, fn: mulAdd, wide: wideD, signed: sab},
	isa.OpVwmaccus - isa.OpVector: {run: elements, fn: mulAdd, wide: wideD, signed: sa},
	isa.OpVwmaccsu - isa.OpVector: {run: elements, fn: mulAdd, wide: wideD, signed: sb},

	// Sources of another width than the result.
	isa.OpVnsrl - isa.OpVector:    {run: elements, fn: shiftRight, wide: wide2},
	isa.OpVnsra - isa.OpVector:    {run: elements, fn: shiftSigned, wide: wide2, signed: sa},
	isa.OpVzextVf2 - isa.OpVector: {run: extension(1), fn: first},
	isa.OpVzextVf4 - isa.OpVector: {run: extension(2), fn: first},
	isa.OpVzextVf8 - isa.OpVector: {run: extension(3), fn: first},
	isa.OpVsextVf2 - isa.OpVector: {run: extension(1), fn: first, signed: sa},
	isa.OpVsextVf4 - isa.OpVector: {run: extension(2), fn: first, signed: sa},
	isa.OpVsextVf8 - isa.OpVector: {run: extension(3), fn: first, signed: sa},

	// Fixed point.
	isa.OpVsaddu - isa.OpVector:  {run: elements, fn: satAddU},
	isa.OpVsadd - isa.OpVector:   {run: elements, fn: satAddS, signed: sab},
	isa.OpVssubu - isa.OpVector:  {run: elements, fn: satSubU},
	isa.OpVssub - isa.OpVector:   {run: elements, fn: satSubS, signed: sab},
	isa.OpVaaddu - isa.OpVector:  {run: elements, fn: meanU},
	isa.OpVaadd - isa.OpVector:   {run: elements, fn: meanS, signed: sab},
	isa.OpVasubu - isa.OpVector:  {run: elements, fn: halfU},
	isa.OpVasub - isa.OpVector:   {run: elements, fn: halfS, signed: sab},
	isa.OpVsmul - isa.OpVector:   {run: elements, fn: fraction, signed: sab},
	isa.OpVssrl - isa.OpVector:   {run: elements, fn: scaleU},
	isa.OpVssra - isa.OpVector:   {run: elements, fn: scaleS, signed: sa},
	isa.OpVnclipu - isa.OpVector: {run: elements, fn: clipU, wide: wide2},
	isa.OpVnclip - isa.OpVector:  {run: elements, fn: clipS, wide: wide2, signed: sa},

	// Reductions. The function's first operand is what has been gathered so far.
	isa.OpVredsum - isa.OpVector:   {run: reduce, fn: add},
	isa.OpVredand - isa.OpVector:   {run: reduce, fn: and},
	isa.OpVredor - isa.OpVector:    {run: reduce, fn: or},
	isa.OpVredxor - isa.OpVector:   {run: reduce, fn: xor},
	isa.OpVredminu - isa.OpVector:  {run: reduce, fn: minU},
	isa.OpVredmin - isa.OpVector:   {run: reduce, fn: minS, signed: sab},
	isa.OpVredmaxu - isa.OpVector:  {run: reduce, fn: maxU},
	isa.OpVredmax - isa.OpVector:   {run: reduce, fn: maxS, signed: sab},
	isa.OpVwredsumu - isa.OpVector: {run: reduce, fn: add, wide: wideD},
	isa.OpVwredsum - isa.OpVector:  {run: reduce, fn: add, wide: wideD, signed: sab},

	// Masks. The functions work on 64 elements at once.
	isa.OpVmandn - isa.OpVector: {run: logic, fn: func(_ *State, a, b, _ uint64) uint64 { return a &^ b }},
	isa.OpVmand - isa.OpVector:  {run: logic, fn: and},
	isa.OpVmor - isa.OpVector:   {run: logic, fn: or},
	isa.OpVmxor - isa.OpVector:  {run: logic, fn: xor},
	isa.OpVmorn - isa.OpVector:  {run: logic, fn: func(_ *State, a, b, _ uint64) uint64 { return a | ^b }},
	isa.OpVmnand - isa.OpVector: {run: logic, fn: func(_ *State, a, b, _ uint64) uint64 { return ^(a & b) }},
	isa.OpVmnor - isa.OpVector:  {run: logic, fn: func(_ *State, a, b, _ uint64) uint64 { return ^(a | b) }},
	isa.OpVmxnor - isa.OpVector: {run: logic, fn: func(_ *State, a, b, _ uint64) uint64 { return ^(a ^ b) }},
	isa.OpVcpop - isa.OpVector:  {run: countOnes},
	isa.OpVfirst - isa.OpVector: {run: findFirst},
	isa.OpVmsbf - isa.OpVector:  {run: aroundFirst, fn: lessU},
	isa.OpVmsof - isa.OpVector:  {run: aroundFirst, fn: equal},
	isa.OpVmsif - isa.OpVector:  {run: aroundFirst, fn: atMostU},
	isa.OpViota - isa.OpVector:  {run: ranks},
	isa.OpVid - isa.OpVector:    {run: places},

	// Moves within and between registers. Those of floating point differ only in
	// where the scalar is and in the widths that exist.
	isa.OpVmvXS - isa.OpVector:        {run: firstToX},
	isa.OpVmvSX - isa.OpVector:        {run: scalarToFirst},
	isa.OpVslideup - isa.OpVector:     {run: slideUp},
	isa.OpVslidedown - isa.OpVector:   {run: slideDown},
	isa.OpVslide1up - isa.OpVector:    {run: pushUp},
	isa.OpVslide1down - isa.OpVector:  {run: pushDown},
	isa.OpVfslide1up - isa.OpVector:   {run: pushUp, widths: floats, float: true},
	isa.OpVfslide1down - isa.OpVector: {run: pushDown, widths: floats, float: true},
	isa.OpVrgather - isa.OpVector:     {run: gather},
	isa.OpVrgatherei16 - isa.OpVector: {run: gather16},
	isa.OpVcompress - isa.OpVector:    {run: compress},
	isa.OpVmvr - isa.OpVector:         {run: copyWhole},
	isa.OpVfmvFS - isa.OpVector:       {run: firstToF, widths: floats, float: true},
	isa.OpVfmvSF - isa.OpVector:       {run: scalarToFirst, widths: floats, float: true},
	isa.OpVfmvVF - isa.OpVector:       {run: elements, fn: second, widths: floats, float: true},
	isa.OpVfmerge - isa.OpVector:      {run: merge, widths: floats, float: true},

	// Floating point of one width.
	isa.OpVfadd - isa.OpVector:   {run: elements, fn: float2(float.Add32, float.Add64), widths: floats, float: true},
	isa.OpVfsub - isa.OpVector:   {run: elements, fn: float2(float.Sub32, float.Sub64), widths: floats, float: true},
	isa.OpVfrsub - isa.OpVector:  {run: elements, fn: swapped(float2(float.Sub32, float.Sub64)), widths: floats, float: true},
	isa.OpVfmul - isa.OpVector:   {run: elements, fn: float2(float.Mul32, float.Mul64), widths: floats, float: true},
	isa.OpVfdiv - isa.OpVector:   {run: elements, fn: float2(float.Div32, float.Div64), widths: floats, float: true},
	isa.OpVfrdiv - isa.OpVector:  {run: elements, fn: swapped(float2(float.Div32, float.Div64)), widths: floats, float: true},
	isa.OpVfmin - isa.OpVector:   {run: elements, fn: pick(float.Min32, float.Min64), widths: floats, float: true},
	isa.OpVfmax - isa.OpVector:   {run: elements, fn: pick(float.Max32, float.Max64), widths: floats, float: true},
	isa.OpVfsgnj - isa.OpVector:  {run: elements, fn: signOf, widths: floats, float: true},
	isa.OpVfsgnjn - isa.OpVector: {run: elements, fn: signNot, widths: floats, float: true},
	isa.OpVfsgnjx - isa.OpVector: {run: elements, fn: signXor, widths: floats, float: true},

	// Fused multiplication and addition.
	isa.OpVfmadd - isa.OpVector:  {run: elements, fn: fused(overwrite, false, false), widths: floats, float: true},
	isa.OpVfnmadd - isa.OpVector: {run: elements, fn: fused(overwrite, true, true), widths: floats, float: true},
	isa.OpVfmsub - isa.OpVector:  {run: elements, fn: fused(overwrite, false, true), widths: floats, float: true},
	isa.OpVfnmsub - isa.OpVector: {run: elements, fn: fused(overwrite, true, false), widths: floats, float: true},
	isa.OpVfmacc - isa.OpVector:  {run: elements, fn: fused(accumulate, false, false), widths: floats, float: true},
	isa.OpVfnmacc - isa.OpVector: {run: elements, fn: fused(accumulate, true, true), widths: floats, float: true},
	isa.OpVfmsac - isa.OpVector:  {run: elements, fn: fused(accumulate, false, true), widths: floats, float: true},
	isa.OpVfnmsac - isa.OpVector: {run: elements, fn: fused(accumulate, true, false), widths: floats, float: true},

	// Results in binary64 of sources in binary32.
	isa.OpVfwadd - isa.OpVector:   {run: elements, fn: widened(float.Add64), wide: wideD, widths: singles, float: true},
	isa.OpVfwsub - isa.OpVector:   {run: elements, fn: widened(float.Sub64), wide: wideD, widths: singles, float: true},
	isa.OpVfwaddW - isa.OpVector:  {run: elements, fn: widened(float.Add64), wide: wideDW, widths: singles, float: true},
	isa.OpVfwsubW - isa.OpVector:  {run: elements, fn: widened(float.Sub64), wide: wideDW, widths: singles, float: true},
	isa.OpVfwmul - isa.OpVector:   {run: elements, fn: widened(float.Mul64), wide: wideD, widths: singles, float: true},
	isa.OpVfwmacc - isa.OpVector:  {run: elements, fn: fused(accumulate, false, false), wide: wideD, widths: singles, float: true},
	isa.OpVfwnmacc - isa.OpVector: {run: elements, fn: fused(accumulate, true, true), wide: wideD, widths: singles, float: true},
	isa.OpVfwmsac - isa.OpVector:  {run: elements, fn: fused(accumulate, false, true), wide: wideD, widths: singles, float: true},
	isa.OpVfwnmsac - isa.OpVector: {run: elements, fn: fused(accumulate, true, false), wide: wideD, widths: singles, float: true},

	// Comparisons. Equality is quiet about quiet NaN, order is not.
	isa.OpVmfeq - isa.OpVector: {run: compare, fn: test(float.Eq32, float.Eq64), widths: floats, float: true},
	isa.OpVmfne - isa.OpVector: {run: compare, fn: not(test(float.Eq32, float.Eq64)), widths: floats, float: true},
	isa.OpVmflt - isa.OpVector: {run: compare, fn: test(float.Lt32, float.Lt64), widths: floats, float: true},
	isa.OpVmfle - isa.OpVector: {run: compare, fn: test(float.Le32, float.Le64), widths: floats, float: true},
	isa.OpVmfgt - isa.OpVector: {run: compare, fn: swapped(test(float.Lt32, float.Lt64)), widths: floats, float: true},
	isa.OpVmfge - isa.OpVector: {run: compare, fn: swapped(test(float.Le32, float.Le64)), widths: floats, float: true},

	// One source.
	isa.OpVfsqrt - isa.OpVector:   {run: unary, fn: root, widths: floats, float: true},
	isa.OpVfrsqrt7 - isa.OpVector: {run: unary, fn: estimateRoot, widths: floats, float: true},
	isa.OpVfrec7 - isa.OpVector:   {run: unary, fn: estimateInverse, widths: floats, float: true},
	isa.OpVfclass - isa.OpVector:  {run: unary, fn: class, widths: floats, float: true},

	// Conversions. Those between integers of 16 bits and binary32 exist although
	// binary16 does not.
	isa.OpVfcvtXuF - isa.OpVector:     {run: unary, fn: toInteger(true, false), widths: floats, float: true},
	isa.OpVfcvtXF - isa.OpVector:      {run: unary, fn: toInteger(false, false), widths: floats, float: true},
	isa.OpVfcvtRtzXuF - isa.OpVector:  {run: unary, fn: toInteger(true, true), widths: floats, float: true},
	isa.OpVfcvtRtzXF - isa.OpVector:   {run: unary, fn: toInteger(false, true), widths: floats, float: true},
	isa.OpVfcvtFXu - isa.OpVector:     {run: unary, fn: fromInteger(true), widths: floats, float: true},
	isa.OpVfcvtFX - isa.OpVector:      {run: unary, fn: fromInteger(false), signed: sa, widths: floats, float: true},
	isa.OpVfwcvtXuF - isa.OpVector:    {run: unary, fn: toInteger(true, false), wide: wideD, widths: singles, float: true},
	isa.OpVfwcvtXF - isa.OpVector:     {run: unary, fn: toInteger(false, false), wide: wideD, widths: singles, float: true},
	isa.OpVfwcvtRtzXuF - isa.OpVector: {run: unary, fn: toInteger(true, true), wide: wideD, widths: singles, float: true},
	isa.OpVfwcvtRtzXF - isa.OpVector:  {run: unary, fn: toInteger(false, true), wide: wideD, widths: singles, float: true},
	isa.OpVfwcvtFXu - isa.OpVector:    {run: unary, fn: fromInteger(true), wide: wideD, widths: halved, float: true},
	isa.OpVfwcvtFX - isa.OpVector:     {run: unary, fn: fromInteger(false), wide: wideD, signed: sa, widths: halved, float: true},
	isa.OpVfwcvtFF - isa.OpVector:     {run: unary, fn: widen, wide: wideD, widths: singles, float: true},
	isa.OpVfncvtXuF - isa.OpVector:    {run: unary, fn: toInteger(true, false), wide: wide2, widths: halved, float: true},
	isa.OpVfncvtXF - isa.OpVector:     {run: unary, fn: toInteger(false, false), wide: wide2, widths: halved, float: true},
	isa.OpVfncvtRtzXuF - isa.OpVector: {run: unary, fn: toInteger(true, true), wide: wide2, widths: halved, float: true},
	isa.OpVfncvtRtzXF - isa.OpVector:  {run: unary, fn: toInteger(false, true), wide: wide2, widths: halved, float: true},
	isa.OpVfncvtFXu - isa.OpVector:    {run: unary, fn: fromInteger(true), wide: wide2, widths: singles, float: true},
	isa.OpVfncvtFX - isa.OpVector:     {run: unary, fn: fromInteger(false), wide: wide2, signed: sa, widths: singles, float: true},
	isa.OpVfncvtFF - isa.OpVector:     {run: unary, fn: narrow, wide: wide2, widths: singles, float: true},
	isa.OpVfncvtRodFF - isa.OpVector:  {run: unary, fn: narrowOdd, wide: wide2, widths: singles, float: true},

	// Reductions. A sum in any order is one in order here.
	isa.OpVfredusum - isa.OpVector:  {run: reduce, fn: float2(float.Add32, float.Add64), widths: floats, float: true},
	isa.OpVfredosum - isa.OpVector:  {run: reduce, fn: float2(float.Add32, float.Add64), widths: floats, float: true},
	isa.OpVfredmin - isa.OpVector:   {run: reduce, fn: pick(float.Min32, float.Min64), widths: floats, float: true},
	isa.OpVfredmax - isa.OpVector:   {run: reduce, fn: pick(float.Max32, float.Max64), widths: floats, float: true},
	isa.OpVfwredusum - isa.OpVector: {run: reduce, fn: widenedSum, wide: wideD, widths: singles, float: true},
	isa.OpVfwredosum - isa.OpVector: {run: reduce, fn: widenedSum, wide: wideD, widths: singles, float: true},
}
