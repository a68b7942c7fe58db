/* In the words of programs for libvmod-riscv: their include, a name for the
 * namespace, callbacks with as few arguments as they need, forge found by its
 * arguments, a lambda that takes what comes, an answer in braces. */
#include <api.h>
namespace edge = api;

static void on_recv(edge::Request req) {
    req.append("X-Asked: " + req.url());

    forge(edge::Cached, [] (auto asked, auto answer) {
        nlohmann::json doc;
        doc["greeting"] = "from a program";
        return edge::response{200, "application/json", doc.dump()};
    });
}

int main() {
    edge::wait_for_requests(on_recv);
}
