#pragma once

#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "convert/model_tensors.h"

namespace trinity {

// How much the error of each column of a matrix counts: a safetensors file that holds, under the
// name of a matrix (Hugging Face's or GGUF's, of experts without the index), one F32 vector
// [columns], or [num_experts, columns] for experts one by one. Matrices that are missing count all
// columns alike.
class ImportanceFile {
 public:
  // Throws Error.
  explicit ImportanceFile(const std::string& path);

  // Empty where the file has nothing for this matrix. Throws Error for another dtype or shape, and
  // for numbers that are negative or not finite.
  std::vector<float> Find(const ModelTensor& tensor);

  // Refuses entries that Find was asked for no matrix of.
  void RequireAllUsed() const;

 private:
  Checkpoint file_;
  std::set<std::string> used_;
};

}  // namespace trinity
