listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "a" {
  disk {
    path = "store"
    size = "1GiB"
  }
}
cache "b" {
  disk {
    path = "store"
    size = "1GiB"
  }
}
vhost "any" {
  route "a" {
    path    = "/a"
    backend = "app"
    cache { store = "a" }
  }
  route "b" {
    backend = "app"
    cache { store = "b" }
  }
}
