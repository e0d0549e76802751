#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tokenizer/byte_pair_encoding.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/vocabulary.h"

namespace trinity {

// A byte-level BPE as files describe it, token by token, then merge by merge in their order. Throws
// Error for what does not fit together, with the place in the file.
class BpeBuilder {
 public:
  // Where tokens and merges stand, for messages: "tokenizer.json: model.vocab".
  BpeBuilder(std::string tokens_where, std::string merges_where)
      : tokens_where_(std::move(tokens_where)), merges_where_(std::move(merges_where)) {}

  // `where`: of this token. Refuses a token that occurs twice or has the id of another one. The id
  // is not negative; memory grows with the largest.
  void AddToken(std::string_view where, std::string_view spelling, int32_t id);

  std::optional<int32_t> Find(std::string_view spelling) const {
    return vocabulary_.Find(spelling);
  }

  // The next merge: both tokens and their product are tokens already.
  void AddMerge(std::string_view left, std::string_view right);

  // The place of the next merge.
  std::string WhereMerge() const;

  // Refuses a vocabulary that lacks one of the 256 byte symbols. `never_whole`: the ids of added
  // tokens. The builder is empty afterwards.
  std::unique_ptr<const BytePairEncoding> Build(BytePairEncoding::WholePieces whole_pieces,
                                                std::span<const int32_t> never_whole);

 private:
  int32_t IdOfPart(std::string_view token) const;
  void RequireByteSymbols() const;

  std::string tokens_where_;
  std::string merges_where_;
  Vocabulary vocabulary_;
  MergeTable merges_;
  int32_t rank_ = 0;
  std::string joined_;  // the bytes of a product
};

}  // namespace trinity
