#include "tests/support/quantized_checkpoint.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "checkpoint/gguf_writer.h"
#include "quant/dequantize.h"
#include "quant/quantize.h"
#include "tests/support/tensor_bytes.h"

namespace trinity {
namespace {

// The tensor's rows in another dtype.
std::vector<std::byte> Rounded(const Checkpoint& source, const TensorInfo& tensor, DType dtype) {
  std::vector<std::byte> bytes = BytesOfTensor(source, tensor);
  if (dtype == tensor.dtype) return bytes;
  const int64_t cols = tensor.shape.back(), num_values = tensor.num_values();
  std::vector<float> values(static_cast<size_t>(num_values));
  DequantizeRow(tensor.dtype, bytes.data(), num_values, values.data());
  std::vector<std::byte> rounded(static_cast<size_t>(BytesOf(dtype, num_values)));
  for (int64_t first = 0; first < num_values; first += cols) {
    QuantizeRow(dtype,
                std::span(values).subspan(static_cast<size_t>(first), static_cast<size_t>(cols)),
                {}, rounded.data() + BytesOf(dtype, first));
  }
  return rounded;
}

}  // namespace

Checkpoint QuantizedCheckpoint(const Checkpoint& source, std::span<const DType> formats,
                               const std::string& path) {
  std::vector<TensorSpec> specs;
  size_t next = 0;
  for (const TensorInfo& tensor : source.tensors()) {
    TensorSpec& spec = specs.emplace_back(TensorSpec{tensor.name, tensor.dtype, tensor.shape});
    if (tensor.shape.size() != 2 || tensor.name.find("router") != std::string::npos) continue;
    const DType format = formats[next++ % formats.size()];
    if (tensor.shape.back() % InfoOf(format).block_values == 0) spec.dtype = format;
  }
  GgufWriter writer(path, GgufMetadata(), specs);
  for (size_t i = 0; i < specs.size(); ++i) {
    writer.WriteAt(i, 0, Rounded(source, source.tensors()[i], specs[i].dtype));
  }
  writer.Commit();
  Checkpoint quantized = Checkpoint::Open(path);
  quantized.Translate([](const TensorInfo& tensor) { return tensor.name; },
                      std::make_shared<const Json>(source.config()));
  return quantized;
}

}  // namespace trinity
