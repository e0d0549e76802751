#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace trinity {

class MirroredCaches;
class Model;

// Work other than steps that all ranks of a model do together: what those other than rank 0 do when
// it sends them the task (Model::SendTask), with their caches and the words that it gives them.
using RankTask =
    std::function<void(const Model& model, MirroredCaches& caches, std::span<const int64_t> words)>;

enum class RankTaskKind : int64_t { kGradients, kPrefixes };

// What a model is loaded with. A kind that is not there must not be sent.
struct RankTasks {
  RankTask gradients = {};
  RankTask prefixes = {};
};

}  // namespace trinity
