// longsky/data/record_lists.hpp — documents that say everything again: a list of rows, then its rows shuffled.
//
// A language model that meets many of them learns to look up: in the second half each value can be read in the first.
#pragma once

#include <longsky/data/documents.hpp>
#include <longsky/data/row_formats.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace longsky {

/// "List of prices:", rows for between FirstPercent and LastPercent of the document, "Again:", the rows shuffled, and
/// again until the document is full.
template <int FirstPercent = 20, int LastPercent = 50>
class RecordLists {
  static_assert(0 < FirstPercent && FirstPercent <= LastPercent && LastPercent <= 100,
                "longsky: a record list's listing takes from FirstPercent to LastPercent of the document");

 public:
  explicit RecordLists(const Corpus& corpus) : corpus_(&corpus) {}

  void append(Tokens& out, int length, Random& random) const {
    if (length <= 0) return;
    const std::size_t start = out.size();
    const auto full = [&](float share) {
      return static_cast<float>(out.size() - start) >= share * static_cast<float>(length);
    };
    const RowFormat format = draw_row_format(random);
    const float listing = random.uniform(FirstPercent / 100.0f, LastPercent / 100.0f);
    out.push_back(corpus_->special.bos);
    corpus_->encode("List of " + random.pick(corpus_->columns) + "s:\n", out);

    DistinctKeys keys(corpus_->keys);
    std::vector<Tokens> rows;
    while (!full(listing) || rows.size() < 2) {
      corpus_->encode(row_text(format, keys.draw(random), ' ' + draw_number(random)), rows.emplace_back());
      out.insert(out.end(), rows.back().begin(), rows.back().end());
    }
    corpus_->encode("Again:\n", out);
    while (!full(1)) {
      random.shuffle(rows);
      for (const Tokens& row : rows) out.insert(out.end(), row.begin(), row.end());
    }
    out.resize(start + static_cast<std::size_t>(length));
  }

 private:
  const Corpus* corpus_;
};

}  // namespace longsky
