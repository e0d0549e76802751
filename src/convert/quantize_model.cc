#include "convert/quantize_model.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <utility>

#include "base/error.h"
#include "convert/importance_file.h"
#include "model/gguf_names.h"
#include "quant/dequantize.h"

namespace trinity {
namespace {

// The rules of --keep.
class KeptTypes {
 public:
  explicit KeptTypes(const std::vector<KeptType>& kept) {
    for (const KeptType& rule : kept) {
      try {
        rules_.push_back({rule.regex, std::regex(rule.regex), rule.dtype});
      } catch (const std::regex_error& error) {
        throw UsageError(fmt::format("--keep: \"{}\" is no regular expression: {}",
                                     Printable(rule.regex), error.what()));
      }
    }
  }

  std::optional<DType> Find(const std::string& name) {
    for (Rule& rule : rules_) {
      if (!std::regex_search(name, rule.regex)) continue;
      rule.is_used = true;
      return rule.dtype;
    }
    return std::nullopt;
  }

  // A rule without effect is a slip of the pen.
  void RequireAllUsed() const {
    for (const Rule& rule : rules_) {
      if (!rule.is_used) {
        Fail("--keep: \"{}\" is found in the name of no matrix that is quantized",
             Printable(rule.text));
      }
    }
  }

 private:
  struct Rule {
    std::string text;
    std::regex regex;
    DType dtype;
    bool is_used = false;
  };
  std::vector<Rule> rules_;
};

class Quantization {
 public:
  Quantization(const Checkpoint& checkpoint, const QuantizeOptions& options)
      : checkpoint_(checkpoint),
        options_(options),
        config_(Config::FromJson(checkpoint.config(), checkpoint.config_origin())),
        tensors_(ListModelTensors(config_, checkpoint)),
        kept_(options.kept) {
    if (options.importance_path) importance_.emplace(*options.importance_path);
  }

  QuantizeSummary Run(const CheckpointText& text, ThreadPool& pool,
                      const RewriteProgress& progress) {
    GgufOutput output;
    output.path = options_.path;
    output.overwriting = options_.overwriting;
    output.metadata = MetadataFor(checkpoint_, config_, text, FileTypeOf(options_.recipe));
    for (const ModelTensor& tensor : tensors_) Plan(tensor, output);
    kept_.RequireAllUsed();
    if (importance_) importance_->RequireAllUsed();
    const std::vector<RewriteError> errors =
        WriteGguf(SourceOf(checkpoint_), output, pool, progress);
    for (size_t i = 0; i < tensors_.size(); ++i) Count(tensors_[i], output.jobs[i], errors[i]);
    return std::move(summary_);
  }

 private:
  void Plan(const ModelTensor& tensor, GgufOutput& output) {
    if (IsAlwaysF32(tensor)) return output.Add(tensor, DType::kF32);
    const std::string name = GgufName(tensor.name).value();
    const DType wanted = kept_.Find(name).value_or(
        ChooseDType(options_.recipe, tensor, config_, importance_.has_value()));
    const DType dtype = FitDType(wanted, tensor.cols());
    if (dtype != wanted) {
      summary_.notes.push_back(fmt::format(
          "{}: rows of {} values, which blocks of {} do not divide: {} instead of {}", name,
          tensor.cols(), InfoOf(wanted).block_values, NameOf(dtype), NameOf(wanted)));
    }
    output.Add(tensor, dtype, importance_ ? importance_->Find(tensor) : std::vector<float>{});
  }

  void Count(const ModelTensor& tensor, const RewriteJob& job, const RewriteError& error) {
    QuantizedClass& c = summary_.classes[static_cast<size_t>(tensor.parameter_class)];
    c.num_values[job.dtype] += tensor.num_values();
    c.source_bytes += job.SourceBytes();
    c.bytes += BytesOf(job.dtype, tensor.num_values());
    c.error.Add(error);
  }

  const Checkpoint& checkpoint_;
  const QuantizeOptions& options_;
  Config config_;
  std::vector<ModelTensor> tensors_;
  KeptTypes kept_;
  std::optional<ImportanceFile> importance_;
  QuantizeSummary summary_;
};

}  // namespace

QuantizeSummary QuantizeModel(const Checkpoint& checkpoint, const CheckpointText& text,
                              const QuantizeOptions& options, ThreadPool& pool,
                              const RewriteProgress& progress) {
  return Quantization(checkpoint, options).Run(text, pool, progress);
}

std::optional<DType> FindMatrixDType(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (int i = 0; i <= static_cast<int>(DType::kMXFP4); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (NameOf(dtype) == upper && CanDequantize(dtype)) return dtype;
  }
  return std::nullopt;
}

}  // namespace trinity
