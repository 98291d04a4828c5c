// error: longsky: the macro KV is defined, and longsky uses the name
// cause: A macro, here `KV`, has a name that the headers give to a template parameter or a size; likewise one letter, `min`, `max`.
// remedy: `#undef` it before longsky's headers are included, or include them before the header that defines it.
#define KV 2
#include <longsky/longsky.hpp>
