// longsky/core/parallel.hpp — loops over threads whose results do not depend on the number of threads.
//
// Every item is computed by exactly one thread and written where no other item writes; whoever sums over items does so
// afterwards, in index order. So 1, 2, 3 or 8 threads give the same bits. A thread gets one run of items, the same one
// in every op: what it wrote is then still in its own cache when the next op reads it.
#pragma once

#include <longsky/core/stop.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace longsky {

/// Calls body(i) for i in [0, items), on up to `threads` threads. Items should be large and alike: a GEMM tile, a chunk
/// of rows. In an Abandonable scope (core/stop.hpp) a stop leaves out what is left of them.
template <class Body>
void parallel_for(int threads, std::int64_t items, const Body& body) {
  const bool abandonable = Abandonable::here();
  if (threads == 1 || items <= 1) {
    for (std::int64_t i = 0; i < items && !(abandonable && stop_requested()); ++i) body(i);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t i = 0; i < items; ++i)
    if (!(abandonable && stop_requested())) body(i);
}

/// Calls body(i, worker) for i in [0, items), for items that are not alike: they are begun in order, each by a worker
/// that is free. No two run at a time with one number of `worker`, which is below `threads`.
template <class Body>
void parallel_queue(int threads, std::int64_t items, const Body& body) {
  std::atomic<std::int64_t> next = 0;
  const bool abandonable = Abandonable::here();
  parallel_for(threads, std::min<std::int64_t>(threads, items), [&](std::int64_t worker) {
    for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < items;)
      if (!(abandonable && stop_requested())) body(i, worker);
  });
}

/// Calls body(first, last, chunk) for the fixed chunks of [0, n): their borders depend on `chunk_size` alone.
template <class Body>
void parallel_chunks(int threads, std::int64_t n, std::int64_t chunk_size, const Body& body) {
  const std::int64_t chunks = (n + chunk_size - 1) / chunk_size;
  parallel_for(threads, chunks, [&](std::int64_t c) { body(c * chunk_size, std::min(n, (c + 1) * chunk_size), c); });
}

}  // namespace longsky
