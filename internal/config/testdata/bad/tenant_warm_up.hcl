listener "web" { bind = [":8080"] }
tenant "shop" {
  program = "nope.elf"
  update { warm_up = ["/", "HEAD /x?y", "shop", "get /", "GET  /", "GET /#a", "GET http://a/"] }
}
tenant "many" {
  program = "nope.elf"
  update { warm_up = ["/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/", "/"] }
}
vhost "shop" { tenant = "shop" }
vhost "many" {
  hosts  = ["many.test"]
  tenant = "many"
}
