#include "convert/rank_files.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "checkpoint/gguf_parts.h"
#include "checkpoint/gguf_writer.h"
#include "model/gguf_names.h"
#include "model/tensor_cut.h"

namespace trinity {
namespace {

// The columns of whole blocks around `cols`.
IndexRange BlocksAround(const IndexRange& cols, DType dtype) {
  const int64_t block = InfoOf(dtype).block_values;
  return {cols.begin / block * block, (cols.end + block - 1) / block * block};
}

// The same, or the first where there are none.
IndexRange NotEmpty(const IndexRange& range) { return range.size() > 0 ? range : IndexRange{0, 1}; }

TensorBox HeldBox(const TensorSpec& spec, const Config& config, const RankSlice& slice) {
  const TensorExtents whole = ExtentsOf(spec.shape, 1);
  const std::string name = HuggingFaceName(spec.name).value();
  const ParameterClass parameter_class = FindParameterClass(name).value();
  const MatrixPart held =
      HeldPart(CutOf(name, parameter_class), {{0, whole[1]}, {0, whole[2]}}, config, slice);
  const bool are_experts = parameter_class == ParameterClass::kRoutedExperts;
  const IndexRange planes = NotEmpty(are_experts ? slice.experts : IndexRange{0, whole[0]});
  const IndexRange rows = NotEmpty(held.rows);
  const IndexRange cols = BlocksAround(NotEmpty(held.cols), spec.dtype);
  return {{planes.begin, rows.begin, cols.begin}, {planes.size(), rows.size(), cols.size()}};
}

// The last of the dimensions, as many as the tensor has.
std::vector<int64_t> Dimensions(const TensorExtents& extents, const TensorSpec& spec) {
  return {extents.end() - static_cast<ptrdiff_t>(spec.shape.size()), extents.end()};
}

std::vector<TensorBox> HeldBoxes(const GgufOutput& output, const FileCut& cut, int rank) {
  const RankSlice slice = SliceOf(cut.config, cut.grid, rank);
  std::vector<TensorBox> boxes;
  for (const TensorSpec& spec : output.specs) boxes.push_back(HeldBox(spec, cut.config, slice));
  return boxes;
}

// The file of a rank that holds these boxes, without jobs.
GgufOutput CutOutput(const GgufOutput& output, std::span<const TensorBox> boxes,
                     const GgufPart& part, std::string path) {
  GgufOutput of_rank{std::move(path), output.overwriting, output.metadata};
  std::vector<int32_t> shapes, firsts;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const TensorSpec& spec = output.specs[i];
    of_rank.specs.push_back({spec.name, spec.dtype, Dimensions(boxes[i].size, spec)});
    const std::vector<int64_t> first = Dimensions(boxes[i].first, spec);
    shapes.insert(shapes.end(), spec.shape.begin(), spec.shape.end());
    firsts.insert(firsts.end(), first.begin(), first.end());
  }
  AddGgufPart(part, shapes, firsts, of_rank.metadata);
  return of_rank;
}

// Takes the tensors of the model row by row and keeps what a rank holds of them.
class RankFile {
 public:
  RankFile(const std::vector<TensorSpec>& specs, const GgufOutput& own,
           std::vector<TensorBox> boxes)
      : specs_(specs), boxes_(std::move(boxes)), writer_(own.path, own.metadata, own.specs) {}

  void Commit() { writer_.Commit(); }

  // Writes what this file holds of whole rows of a tensor.
  void Write(size_t index, int64_t byte_offset, std::span<const std::byte> bytes) {
    const TensorSpec& spec = specs_[index];
    const TensorExtents whole = ExtentsOf(spec.shape, 1);
    const int64_t row_bytes = BytesOf(spec.dtype, whole[2]);
    int64_t row = byte_offset / row_bytes;
    const int64_t end = row + static_cast<int64_t>(bytes.size()) / row_bytes;
    while (row < end) {
      const int64_t end_of_plane = (row / whole[1] + 1) * whole[1];
      const int64_t num_rows = std::min(end, end_of_plane) - row;
      const auto num_bytes = static_cast<size_t>(num_rows * row_bytes);
      WriteInPlane(index, {row / whole[1], row % whole[1], num_rows}, bytes.first(num_bytes));
      bytes = bytes.subspan(num_bytes);
      row += num_rows;
    }
  }

 private:
  struct PlaneRows {
    int64_t plane;
    int64_t first;
    int64_t count;
  };

  void WriteInPlane(size_t index, const PlaneRows& rows, std::span<const std::byte> bytes) {
    const TensorBox& box = boxes_[index];
    const DType dtype = specs_[index].dtype;
    const int64_t plane = rows.plane - box.first[0];
    const int64_t begin = std::max(rows.first, box.first[1]);
    const int64_t end = std::min(rows.first + rows.count, box.first[1] + box.size[1]);
    if (plane < 0 || plane >= box.size[0] || begin >= end) return;
    const int64_t row_bytes = BytesOf(dtype, specs_[index].shape.back());
    const int64_t held_bytes = BytesOf(dtype, box.size[2]);
    const int64_t skipped_bytes = BytesOf(dtype, box.first[2]);
    static thread_local std::vector<std::byte> held;
    held.clear();
    for (int64_t row = begin; row < end; ++row) {
      const std::byte* from = bytes.data() + (row - rows.first) * row_bytes + skipped_bytes;
      held.insert(held.end(), from, from + held_bytes);
    }
    const int64_t first_row = plane * box.size[1] + begin - box.first[1];
    writer_.WriteAt(index, first_row * held_bytes, held);
  }

  const std::vector<TensorSpec>& specs_;  // of the model
  std::vector<TensorBox> boxes_;
  GgufWriter writer_;
};

}  // namespace

int64_t WriteRankFiles(const TensorSource& source, const GgufOutput& output, const FileCut& cut,
                       const Workers& workers) {
  constexpr std::string_view kSuffix = ".gguf";
  if (!output.path.ends_with(kSuffix)) {
    Fail("{}: expected a name that ends with {} for the files of ranks", output.path, kSuffix);
  }
  const GgufPartName name = {output.path.substr(0, output.path.size() - kSuffix.size()),
                             {0, cut.grid.num_ranks}};
  std::vector<std::vector<TensorBox>> boxes;
  std::vector<GgufOutput> outputs;
  int64_t num_bytes = 0;
  for (int rank = 0; rank < cut.grid.num_ranks; ++rank) {
    boxes.push_back(HeldBoxes(output, cut, rank));
    outputs.push_back(
        CutOutput(output, boxes.back(), {rank, cut.grid.num_ranks}, name.PathOf(rank)));
    for (const TensorSpec& spec : outputs.back().specs) num_bytes += spec.num_bytes();
  }
  RequirePlace(outputs);
  std::vector<std::unique_ptr<RankFile>> files;
  for (size_t rank = 0; rank < outputs.size(); ++rank) {
    files.push_back(
        std::make_unique<RankFile>(output.specs, outputs[rank], std::move(boxes[rank])));
  }
  RewriteTensors(
      source, output.jobs,
      [&](size_t index, int64_t offset, std::span<const std::byte> bytes) {
        for (const auto& file : files) file->Write(index, offset, bytes);
      },
      workers.pool, workers.progress);
  for (const auto& file : files) file->Commit();
  return num_bytes;
}

}  // namespace trinity
