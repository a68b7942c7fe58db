listener "web" {
  bnd = [":8080"]
  limits {
    fields = 1
  }
}
backend "app" {
  balance = "x"
}
vhost "any" { backend = "ap" }
