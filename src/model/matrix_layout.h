#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "kernels/packed_matrix.h"
#include "parallel/index_share.h"

namespace trinity {

// What a matrix is made of: rows of one tensor, and the columns of them that a rank holds.
struct MatrixSource {
  const TensorInfo* tensor = nullptr;
  DType packed_dtype = DType::kF32;  // the tensor's, or BF16 for an F32 tensor
  IndexRange rows;                   // of the tensor seen as [rows, cols.of]
  ColumnCut cols{};

  // Whether whole rows are read to get at the columns: parts of a page would be read whole all the
  // same.
  bool reads_whole_rows() const;
  int64_t read_cols() const;
};

// Some rows of a source that are read and packed at once.
struct MatrixUnit {
  const MatrixSource* source;
  int64_t first_row;    // of the tensor
  int64_t num_rows;     // whole panels, but at the end of the matrix
  int64_t destination;  // byte offset in the memory of the layout

  int64_t num_bytes() const;  // that are read
  int64_t packed_bytes() const;
};

// Matrices that stand side by side in one piece of memory, and what is read to fill it.
class MatrixLayout {
 public:
  // Gives `matrix`, whose shape and dtype are set, the next place. It must outlive the layout.
  void Add(PackedMatrix& matrix, const MatrixSource& source);

  int64_t num_bytes() const { return num_bytes_; }

  // Tells the matrices where the memory [num_bytes] is; nullptr: nowhere.
  void SetMemory(const std::byte* memory) const;

  // Appends the units that fill the memory, of some MB each. They are good while the layout is
  // neither changed nor moved.
  void AppendUnits(std::vector<MatrixUnit>& units) const;

 private:
  struct Place {
    PackedMatrix* matrix;
    MatrixSource source;
    int64_t offset;
  };

  std::vector<Place> places_;
  int64_t num_bytes_ = 0;
};

}  // namespace trinity
