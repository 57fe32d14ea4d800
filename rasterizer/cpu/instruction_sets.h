// Which of the compiled kernels run.
#ifndef RASTERIZER_CPU_INSTRUCTION_SETS_H_
#define RASTERIZER_CPU_INSTRUCTION_SETS_H_

#include "kernels.h"

namespace rasterizer {

// The kernels in use: the fastest that this processor has, unless UseInstructionSet chose others.
const Kernels& ChosenKernels();

// Changes the kernels; false, and no change, for a name that is unknown or that this processor lacks.
bool UseInstructionSet(const char* name);

}  // namespace rasterizer

#endif  // RASTERIZER_CPU_INSTRUCTION_SETS_H_
