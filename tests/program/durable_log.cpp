// tests/program/durable_log.cpp — a library that a test loads into a program: it notes what is written, flushed to disk
// and renamed, in order, one line each, in the file that LONGSKY_DURABLE_LOG names.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// What the system's own function of a name does.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void note(const char* line, int size) {
  static const auto write_on = next<ssize_t(int, const void*, size_t)>("write");
  static const int log = [] {
    const char* const path = std::getenv("LONGSKY_DURABLE_LOG");
    return path ? ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
  }();
  if (log >= 0 && size > 0) (void)!write_on(log, line, static_cast<size_t>(size));
}

void note_file(const char* what, int file) {
  char link[64], path[3000] = "", line[4000];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (::readlink(link, path, sizeof path - 1) > 0 && path[0] == '/')
    note(line, std::snprintf(line, sizeof line, "%s\t%s\n", what, path));
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto on = next<ssize_t(int, const void*, size_t)>("write");
  note_file("write", file);
  return on(file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  static const auto on = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  note_file("write", file);
  return on(file, bytes, size, at);
}
ssize_t writev(int file, const iovec* parts, int count) {
  static const auto on = next<ssize_t(int, const iovec*, int)>("writev");
  note_file("write", file);
  return on(file, parts, count);
}
int fsync(int file) {
  static const auto on = next<int(int)>("fsync");
  const int result = on(file);
  note_file("fsync", file);
  return result;
}
int rename(const char* from, const char* to) {
  static const auto on = next<int(const char*, const char*)>("rename");
  const int result = on(from, to);
  char line[8000];
  if (result == 0) note(line, std::snprintf(line, sizeof line, "rename\t%s\t%s\n", from, to));
  return result;
}
}
