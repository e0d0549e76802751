#pragma once

#include <cstdint>
#include <span>

#include "model/activations.h"
#include "model/config.h"
#include "model/step.h"

namespace trinity {

// Stands for a model where only keys and values matter: it writes the tokens themselves into the
// pages, and what comes next is a hash of those that it reads back, all of them from the full layer
// and the window from the sliding layer. A page that is lost, shared wrongly or overwritten so
// changes what comes next.
inline constexpr int64_t kReadBackTokens = 16;  // of the vocabulary

// One sliding and one full layer, of the smallest pages.
Config ReadBackConfig(int64_t window, int64_t max_context);

// As Model::Forward; the hidden row of a token is its id. Ends the program where a page that a row
// sees is missing.
void ReadBackForward(const Config& config, const Step& step, Activations& a);

// What comes after `ids`, by definition.
int32_t ReadBackNext(const Config& config, std::span<const int32_t> ids);

}  // namespace trinity
