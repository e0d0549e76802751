#pragma once

#include <functional>

#include "model/activations.h"
#include "model/step.h"

namespace trinity {

// Computes a step, as Model::Forward does.
using ForwardPass = std::function<void(const Step& step, Activations& activations)>;

}  // namespace trinity
