#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/memory_block.h"
#include "kernels/activation_form.h"
#include "kernels/packed_matrix.h"

namespace trinity {

// The rows of a matrix of activations in the forms that the matrices which they meet ask for: each
// is rounded once and shared by all of them. Grows when asked to and never shrinks.
class PreparedRows {
 public:
  // The forms of a group of matrices; float32 rows are read where they are.
  class Forms {
   public:
    void Add(const PackedMatrix& matrix) { bits_ |= 1U << static_cast<int>(matrix.form); }
    bool Has(ActivationForm form) const { return (bits_ >> static_cast<int>(form) & 1U) != 0; }
    // Whether there is anything to prepare.
    bool NeedRounding() const { return bits_ > 1U << static_cast<int>(ActivationForm::kFloat32); }

   private:
    unsigned bits_ = 0;
  };

  // Room for [rows, cols] in `forms`.
  void Resize(Forms forms, int64_t rows, int64_t cols);

  // Rounds columns [first, first + count) of row `to` of values [..., cols]. Cuts are at multiples
  // of 32 or at the end of the row; each column of a row is prepared by one thread.
  void PrepareColumns(const float* row, int64_t to, int64_t first, int64_t count);
  void Prepare(const float* row, int64_t to) { PrepareColumns(row, to, 0, cols_); }

  // Row `row` in a form, of which `values` are the float32 values.
  const std::byte* Row(ActivationForm form, const Matrix& values, int64_t row) const;

 private:
  static constexpr std::array kRounded = {ActivationForm::kBFloat16, ActivationForm::kInt8};

  Forms forms_;
  int64_t cols_ = 0;
  std::array<MemoryBlock, 3> storage_;  // by form
};

}  // namespace trinity
